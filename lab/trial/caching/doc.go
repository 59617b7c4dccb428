// Package caching holds the trials of the guide's chapter on caching. All of
// them put the lab's own cache on the bench: the code that stands in the chain
// of a service instance.
package caching
