// Package arrival says when requests arrive.
//
// A Schedule is the mean rate over time, as data: phases, each a Shape. A
// Process turns it into instants, open-loop: users come when they come, however
// slow the service is. The live lab and virtual time run the same process, and
// the same seed gives both the same instants.
package arrival
