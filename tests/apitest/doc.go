// Package apitest holds answers of the Platform API against its description, for tests.
//
// It must never be more lenient than a client could be strict: a field, a header or a code that the
// description does not name is an error.
package apitest
