// Package redislimit counts the budgets of many gateways in one Redis.
//
// A node leases units: one script call takes about as many as it needs in a second, which its
// requests then spend in memory. What is unused goes back. A refusal is remembered until the time
// that the script named, so that neither what passes nor what is refused costs a call each.
//
// Requests in flight, the counts of refusals by minute and the damping of wrong keys stay those of
// each node.
package redislimit
