// Package static vends credentials from the configuration itself: one machine, a few
// API keys, no user accounts. Nothing is refreshed and nothing is asked over the network.
//
// It must never print a value it was given, and never hand out memory that it keeps.
package static
