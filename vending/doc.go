// Package vending says where a credential comes from: the [Source] interface, the
// [Request] it answers, the [Credential] it vends and the [Error] it refuses with.
// Each sub-package is one source.
//
// It must never keep a credential: nothing here caches, stores, shares or prints one.
package vending
