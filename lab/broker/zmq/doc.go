// Package zmq carries messages without a broker, over ZeroMQ's PUSH and PULL:
// each consumer is a socket, and the publisher sends to whichever takes more.
//
// Nothing is confirmed, kept or delivered again. What is sent and not yet
// handled when a consumer ends is lost, and so is what comes when the high-water
// mark (Config.Capacity) is reached; both are counted, which ZeroMQ itself does
// not do. Consumers take every message at most once, whatever Options say.
//
// The high-water mark is ours, and so is the choice of the peer: the library's
// PUSH accepts that option and ignores it, blocks while there is no peer, and
// sends each message to every peer (seen with zmq4 v0.17.0). Each consumer
// therefore has a pair of sockets of its own on loopback.
//
// A Feed is the other half, PUB and SUB: everybody who has subscribed gets
// everything, and who is slow loses what comes above the mark.
package zmq
