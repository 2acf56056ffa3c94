// Package operator holds what the commands and the admin API show an operator of the store, and how
// they read what an operator asks for, so that both speak one JSON. It must never show a credential
// or a stored key: of a new key or URL, only the answer that makes it does.
package operator
