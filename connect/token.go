package connect

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
)

// The digits it takes to write so many random bits in base62: 62^11 > 2^64, 62^22 > 2^128, 62^33 >
// 2^192, 62^43 > 2^256.
const (
	connectionIDDigits = 22
	tenantKeyDigits    = 43
	requestTokenDigits = 33
	callerKeyIDDigits  = 11
)

// ConnectionIDPrefix is how every connection's id begins.
const ConnectionIDPrefix = "conn_"

// NewConnectionID makes an id of 128 random bits.
func NewConnectionID() string { return ConnectionIDPrefix + randomBase62(16, connectionIDDigits) }

// NewRequestToken makes a request token, or the token of an MCP URL: 192 random bits.
func NewRequestToken() string { return randomBase62(24, requestTokenDigits) }

// NewCallerKeyID makes an id, which is not secret: 64 random bits.
func NewCallerKeyID() string { return CallerKeyIDPrefix + randomBase62(8, callerKeyIDDigits) }

// randomBase62 writes n random bytes in exactly width digits of 0-9a-zA-Z.
func randomBase62(n, width int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails; it ends the process rather than that
	digits := new(big.Int).SetBytes(b).Text(62)
	return strings.Repeat("0", width-len(digits)) + digits
}

// Digest is the SHA-256 of a request token, a state, a cookie or an MCP URL: all that is stored of
// one.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a token.
func DigestOf(token string) Digest { return sha256.Sum256([]byte(token)) }

// Fingerprint names a key without telling it.
func Fingerprint(digest []byte) string { return hex.EncodeToString(digest[:6]) }

// APIBase is where the Platform API is served. It is fixed: clients know it.
const APIBase = "/platform/v1"

// MCPPath is the path of a tenant's MCP URL.
func MCPPath(token string) string { return APIBase + "/mcp/" + token }

// Root is where the hosted pages are served. It is fixed: providers know the redirect URI below it.
const Root = "/connect"

// CallbackPath is where providers send browsers back to.
const CallbackPath = Root + "/callback"

// IsToken reports whether text could be a request token or that of an MCP URL.
func IsToken(text string) bool {
	return len(text) == requestTokenDigits &&
		strings.Trim(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// LinkPath is the path of a request link.
func LinkPath(token string) string { return Root + "/" + token }

// IconPath is the path of an app's icon.
func IconPath(slug string) string { return Root + "/assets/icon/" + slug + ".svg" }

// ErrNoMCPURL says that there is no such MCP URL.
var ErrNoMCPURL = errors.New("there is no such MCP URL")
