// Package asyncio holds the trials of the guide's chapter on asynchronous I/O:
// what goroutines wait for, each in a wrong way and in a right one.
package asyncio
