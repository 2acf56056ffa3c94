// Package docs holds the pages of the documentation. `go generate ./docs` fills their generated
// blocks, which say what the code says: options, commands, codes, apps, packages.
//
// It must never hold code that the product runs.
package docs

//go:generate go run ./gen
