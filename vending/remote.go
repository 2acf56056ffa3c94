package vending

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// ParseEndpoint returns the base URL of a remote source without its trailing slash. It is https, or http where that is allowed. Its
// errors do not repeat the text.
func ParseEndpoint(text string, allowHTTP bool) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", errors.New("it is no URL") // err repeats the text
	case u.Scheme != "https" && (u.Scheme != "http" || !allowHTTP):
		return "", errors.New("it must be https, or http where that is allowed")
	case u.Hostname() == "" || u.Opaque != "":
		return "", errors.New("it has no host")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", errors.New("it must not have user info, a query or a fragment")
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

// Reason returns the part of a transport's error that is safe to log. An error of net/http may repeat what the server sent (a
// malformed status line, a GOAWAY's text), and a server may send back what it got: a key, a secret or a token.
func Reason(err error) error {
	var (
		network     *net.OpError
		certificate *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &network):
		return network
	case errors.As(err, &certificate):
		return certificate
	}
	for _, known := range []error{context.DeadlineExceeded, context.Canceled, io.ErrUnexpectedEOF, io.EOF, http.ErrSchemeMismatch} {
		if errors.Is(err, known) {
			return known
		}
	}
	return fmt.Errorf("the exchange broke off (%T)", err)
}
