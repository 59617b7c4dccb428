// Package broker has the words in which the lab and whatever carries its work
// from one part to another understand each other: a message, what a consumer
// may say of it, what a broker promises and what it does when it is full.
//
// No two brokers promise the same. The interface is what they share; Caps says
// where they differ, the page draws the differences from it, and the contract
// in package brokertest tests an implementation for exactly what its Caps claim.
//
// Everything is bounded. A queue has a Capacity and a Policy for when it is
// full, a consumer holds at most Prefetch messages, a message that fails is
// tried at most Attempts times, and of the dead letters at most DeadCapacity
// are kept.
package broker
