// Package vault seals and opens what the store keeps of secrets, by the keys of one keyset, and
// rotates those keys. The keyset is in a file, or sealed by a key-encryption key where the caller
// keeps it. The package knows neither the database nor what is sealed.
//
// It must never write a secret in the clear, never open a ciphertext for another binding than the
// one it was sealed for, and never replace a keyset by one that lacks a key in use.
package vault
