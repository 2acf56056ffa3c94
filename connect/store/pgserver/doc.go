// Package pgserver is a PostgreSQL server as a store meets it: a pool of connections that knows
// when the server is lost and finds it again, poolers in between, and announcements of changes. It
// knows no table.
package pgserver
