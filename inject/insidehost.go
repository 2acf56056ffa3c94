package inject

import (
	"errors"
	"net/netip"
	"strings"
)

// insideHost accepts a host that the operator wrote for software in their own network: what
// [hostName] does, and a name of one label (`gitea:3000`, `localhost`), an address of IPv4 or one
// of IPv6 in brackets (RFC 3986, section 3.2.2), each with an optional port. Which addresses may be
// dialled is for the app's allow_private to say, at the dial.
//
// Container networks have names with underscores, which no public host does. What is a number and
// no address in its usual form is refused: resolvers read such differently.
func insideHost(v string) (string, error) {
	name, port, err := splitPort(v)
	if err != nil {
		return "", err
	}
	bare, closed := strings.CutSuffix(strings.TrimPrefix(name, "["), "]")
	addr, err := netip.ParseAddr(bare)
	isV6 := strings.HasPrefix(name, "[") && closed && addr.Is6() && addr.Zone() == ""
	switch {
	case err == nil && isV6:
		return "[" + addr.String() + "]" + port, nil
	case err == nil && addr.Is4() && bare == name:
		return name + port, nil
	case err == nil || name != bare:
		return "", errors.New("is an address in another form than 10.0.0.7 or [fd00::7]")
	}
	if !isInsideName(name) || !plainInternational(name) {
		return "", errors.New("is no host name and no address")
	}
	return name + port, nil
}

func isInsideName(name string) bool {
	last := ""
	for label := range strings.SplitSeq(name, ".") {
		if _, err := hostLabel(strings.ReplaceAll(label, "_", "x")); err != nil {
			return false
		}
		last = label
	}
	return !isNumber(last) && len(name) <= maxHostName
}
