// Package redisstream is a broker on Redis Streams with a consumer group.
//
// A handled message is acknowledged and removed, so the length of the stream is
// what is held, and a script refuses when it is full; trimming (MAXLEN) would
// forget messages that nobody has read. A message that failed is appended again
// with its attempt written down, in one script with the removal of the old one.
// Redis does not see a consumer end: what it held is idle after Config.Lease and
// goes to whoever asks with XAUTOCLAIM; a consumer at work renews its claims.
//
// Whether what is accepted outlives a kill of Redis is up to its settings, which
// Open asks for: only appendonly with appendfsync always is Durable. A Redis that
// may evict keys without a lifetime could evict the whole queue, and is refused.
//
// Each consumer that waits occupies one connection of the client's pool.
package redisstream
