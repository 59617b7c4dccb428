// Package checklist is the guide's checklist: for each of its rows the patterns
// that do it, and the scenario or the trials that show what it is worth, lost
// without it and won with it.
//
// A row whose piece is not built says what is missing and never counts as shown.
package checklist

// Row is one line of the checklist.
type Row struct {
	Chapter   int      // of the guide
	Item      string   // as the checklist has it
	Patterns  []string // that can be switched; balancer, autoscaler and alert are settings
	Scenarios []string // whose ablations show it
	Trials    []string // that show it
	Missing   string   // what is not built yet; empty: nothing
}

// Shown reports whether the whole row can be operated.
func (r Row) Shown() bool { return r.Missing == "" && len(r.Scenarios)+len(r.Trials) > 0 }

// Rows returns the checklist in its order.
func Rows() []Row {
	return []Row{
		{Chapter: 1, Item: "stateless APIs and horizontal scaling", Patterns: []string{"balancer", "autoscaler", "queue", "ratelimit"}, Scenarios: []string{"autoscale-ramp", "slow-instance", "two-choices", "cold-instances", "spike-and-cold-start", "sticky-death", "local-limit"}},
		{Chapter: 2, Item: "async I/O", Trials: []string{"pool-hold-and-wait", "cpu-bound", "lock-across-io", "goroutine-per-request", "connection-reuse", "own-pool"}},
		{Chapter: 3, Item: "rate limits per user, IP or token", Patterns: []string{"ratelimit"}, Scenarios: []string{"noisy-neighbour"}, Trials: []string{"shared-limit", "every-window", "window-edge"}},
		{Chapter: 3, Item: "concurrency limits", Patterns: []string{"concurrency"}, Scenarios: []string{"fail-fast-that-is-not"}},
		{Chapter: 3, Item: "bounded queues, 429 when full", Patterns: []string{"queue"}, Scenarios: []string{"traffic-ramp"}},
		{Chapter: 3, Item: "who is refused first", Patterns: []string{"shed"}, Scenarios: []string{"priority"}},
		{Chapter: 4, Item: "in-memory cache and Redis, cache-aside", Patterns: []string{"cache"}, Scenarios: []string{"hot-key"}, Trials: []string{"two-level-cache", "cache-warming", "negative-caching"}},
		{Chapter: 4, Item: "one load for many callers", Patterns: []string{"singleflight"}, Scenarios: []string{"stampede"}, Trials: []string{"early-refresh"}},
		{Chapter: 4, Item: "TTL with jitter", Patterns: []string{"cache"}, Trials: []string{"ttl-jitter"}},
		{Chapter: 4, Item: "ETag and 304", Trials: []string{"etag-bytes", "conditional-storm"}},
		{Chapter: 4, Item: "CDN", Patterns: []string{"edge"}, Scenarios: []string{"edge-outage"}, Trials: []string{"request-collapsing", "stale-while-revalidate", "vary-variants"}},
		{Chapter: 5, Item: "composite indexes", Trials: []string{"composite-index"}},
		{Chapter: 5, Item: "no N+1", Trials: []string{"n-plus-one"}},
		{Chapter: 5, Item: "keyset pagination", Patterns: []string{"paging"}, Scenarios: []string{"feed-paging"}, Trials: []string{"deep-pages"}},
		{Chapter: 5, Item: "read replicas", Trials: []string{"own-writes"}},
		{Chapter: 5, Item: "partitioning and sharding", Trials: []string{"sharding", "partition-pruning"}},
		{Chapter: 5, Item: "short transactions, pools of the right size", Trials: []string{"long-transactions", "pool-size", "long-transaction"}},
		{Chapter: 6, Item: "202 Accepted with RabbitMQ, ZeroMQ or Kafka", Patterns: []string{"jobs", "broker", "outbox"}, Scenarios: []string{"accepted-work", "lost-event"}, Trials: []string{"poison", "backlog", "dual-write", "kafka-transactions", "slow-subscriber"}},
		{Chapter: 6, Item: "background workers", Patterns: []string{"jobs", "broker"}, Scenarios: []string{"accepted-work"}, Trials: []string{"worker-crash", "prefetch", "hot-partition"}},
		{Chapter: 6, Item: "idempotency keys", Patterns: []string{"idempotency"}, Scenarios: []string{"charged-twice"}},
		{Chapter: 7, Item: "timeouts everywhere", Patterns: []string{"timeout"}, Trials: []string{"hanging-dependency"}},
		{Chapter: 7, Item: "retries with backoff, within a budget", Patterns: []string{"retry", "client-backoff", "client-budget"}, Scenarios: []string{"metastable"}, Trials: []string{"layered-retries"}},
		{Chapter: 7, Item: "circuit breaker", Patterns: []string{"breaker"}, Trials: []string{"dead-dependency"}},
		{Chapter: 7, Item: "bulkheads", Patterns: []string{"bulkhead"}, Scenarios: []string{"slow-dependency"}},
		{Chapter: 7, Item: "adaptive throttling", Patterns: []string{"throttle"}, Scenarios: []string{"costly-refusals"}},
		{Chapter: 7, Item: "hedged reads, within a budget", Patterns: []string{"hedge"}, Scenarios: []string{"slow-by-chance"}},
		{Chapter: 7, Item: "graceful degradation, stale answers", Patterns: []string{"stale"}, Trials: []string{"stale-answers"}},
		{Chapter: 7, Item: "fallbacks in order, none as fresh", Patterns: []string{"fallback", "stale"}, Scenarios: []string{"nothing-to-show"}},
		{Chapter: 7, Item: "optional parts left out under load", Patterns: []string{"brownout"}, Scenarios: []string{"optional-work"}},
		{Chapter: 8, Item: "metrics", Patterns: []string{"alert"}, Scenarios: []string{"wake-for-nothing"}, Trials: []string{"percentile-average", "saturation-leads", "cardinality", "burn-rate"}},
		{Chapter: 8, Item: "tracing", Trials: []string{"trace-n-plus-one"}},
		{Chapter: 8, Item: "structured logs with correlation ids", Trials: []string{"logging-cost"}},
		{Chapter: 9, Item: "the complete example", Patterns: []string{"idempotency", "outbox", "sequencer", "broker", "shed", "ratelimit"}, Scenarios: []string{"charged-twice", "lost-event", "hot-symbol", "cancels-first", "runaway-robot"}},
		{Chapter: 9, Item: "login and tokens", Patterns: []string{"bulkhead", "attempts", "rotation", "signed"}, Scenarios: []string{"login-hashing", "login-attempts", "login-stolen-token", "login-signed"}, Trials: []string{"key-set"}},
		{Chapter: 9, Item: "feed", Patterns: []string{"fanout", "paging"}, Scenarios: []string{"feed-fanout", "feed-paging"}},
		{Chapter: 9, Item: "orders and trading", Patterns: []string{"idempotency", "sequencer", "shed", "ratelimit"}, Scenarios: []string{"charged-twice", "hot-symbol", "cancels-first", "runaway-robot"}},
		{Chapter: 9, Item: "notifications", Patterns: []string{"bulkhead", "digest", "dedupe", "failover", "jobs"}, Scenarios: []string{"notify-lanes", "notify-twice", "provider-out"}},
	}
}
