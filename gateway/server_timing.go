package gateway

import (
	"strconv"
	"time"
)

// timing is the Server-Timing of the call (W3C Server Timing), in milliseconds.
func (c *call) timing() string {
	b := make([]byte, 0, 48)
	b = append(b, "vend;dur="...)
	b = appendMillis(b, c.event.Vend)
	if c.event.Upstream > 0 {
		b = append(b, ", upstream;dur="...)
		b = appendMillis(b, c.event.Upstream)
	}
	return string(b)
}

func appendMillis(b []byte, d time.Duration) []byte {
	return strconv.AppendFloat(b, float64(d)/float64(time.Millisecond), 'f', 3, 64)
}
