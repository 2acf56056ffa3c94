package gateway

import (
	"strconv"
	"time"
)

// setTiming sets the header `Server-Timing` of the answer.
func (c *call) setTiming() {
	c.serverTiming[0] = c.timing()
	c.Header()["Server-Timing"] = c.serverTiming[:]
}

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

// appendMillis appends d, which is not negative, in milliseconds with three decimals.
func appendMillis(b []byte, d time.Duration) []byte {
	micros := d.Round(time.Microsecond).Microseconds()
	b = strconv.AppendInt(b, micros/1000, 10)
	rest := micros % 1000
	return append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
}
