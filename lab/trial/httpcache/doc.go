// Package httpcache holds the trials of the HTTP cache before a service: what
// validators, lifetimes, Vary, stale-while-revalidate and collapsing are worth,
// each in a wrong way and in a right one. Every one of them is real HTTP over
// loopback through lab/edge.
package httpcache
