package inject

import (
	"crypto/sha1" //nolint:gosec // RFC 6455 wants SHA-1; nothing secret depends on it
	"encoding/base64"
)

// WebSocketAccept returns the Sec-WebSocket-Accept that answers key (RFC 6455, section 4.2.2).
func WebSocketAccept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see above
	return base64.StdEncoding.EncodeToString(sum[:])
}
