// Package feed is the demo service of people who follow one another: write a
// post, read the newest posts of those one follows, leaf back to older ones.
//
// Somebody has to bring a post to its readers: the writer, who puts it into each
// follower's inbox, or the reader, who asks everybody followed. With a few
// authors whom everybody follows, neither is right for all; see Fanout.
//
// The work is real (SQLite, and a graph of exactly known degrees) and stands
// behind the gate of the scenario's database.
package feed
