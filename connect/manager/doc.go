// Package manager does what the Platform API, the MCP server and the dashboard have in common: it
// finds apps, makes links, lists and deletes connections. Each of those is only a face over it.
//
// It must never hand out a credential, and never let a caller reach another tenant's connection or,
// where it acts for an end user, another end user's.
package manager
