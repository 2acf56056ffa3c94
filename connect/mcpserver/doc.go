// Package mcpserver lets AI agents set up connections, by the Model Context Protocol.
//
// It must never vend: a credential has no place in the context of a language model. The request
// token of a link that an agent makes is only in the link that it hands on.
package mcpserver
