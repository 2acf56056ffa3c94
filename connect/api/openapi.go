package api

import (
	_ "embed" // the description is part of the binary
	"net/http"
	"strconv"
)

// OpenAPI is the description of the Platform API, OpenAPI 3.1 in JSON.
//
//go:embed openapi.json
var OpenAPI []byte

// describeItself is public: it holds nothing that the documentation does not.
func (a *API) describeItself(c *Call) error {
	h := c.W.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(OpenAPI)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Access-Control-Allow-Origin", "*")
	c.W.WriteHeader(http.StatusOK)
	_, _ = c.W.Write(OpenAPI) // the caller has left
	return nil
}
