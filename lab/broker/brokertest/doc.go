// Package brokertest is the contract of a broker. Every implementation passes
// it, and what it is held to follows from its own Caps: a broker that claims
// less is tested for less, and a claim that does not hold fails.
//
// It also starts the servers that tests need, each on a port and in a folder of
// its own, and ends them by their process id.
package brokertest
