// Package asset has the files that the pages of both sites load: scripts, styles and icons.
//
// They are public, so that they must never contain anything of a tenant's or an end user's.
package asset
