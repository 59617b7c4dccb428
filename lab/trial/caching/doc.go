// Package caching holds the trials of the guide's chapter on caching. They
// put the lab's own caches on the bench: the code that stands in the chain of a
// service instance, and the key set of whoever checks tokens.
package caching
