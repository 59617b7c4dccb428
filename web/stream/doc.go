// Package stream hands what happens in the lab to many readers over
// Server-Sent Events without ever waiting for one of them.
//
// A message is encoded once and its bytes are shared by all readers. Each
// reader has one slot for each kind of message and the latest wins: a slow
// reader misses frames, which are counted, but always receives the latest
// state. A reader that does not read at all is cut off after the write
// timeout. Nothing here knows what the messages say.
package stream
