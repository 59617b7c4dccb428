// Package pump is the half of a consumer that is the same for every broker: it
// holds at most as many messages as it may, hands them to workers, and says of
// each what became of it. What a broker does about that is its own half, a
// Source. Life is how a broker counts who is inside it, so that it can close.
package pump
