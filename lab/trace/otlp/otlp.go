// Package otlp sends traces to a collector by OTLP over HTTP, in its JSON
// encoding (OpenTelemetry Protocol 1.x, "OTLP/HTTP"; ids are hexadecimal there).
//
// It is small because the exporter of the SDK would add 13 MB to the program.
// Sending never holds up a request: traces wait in a bounded queue, leave in
// batches, and are dropped and counted when the collector is slower than they
// come. A collector that is not there costs one line in the log, and one more
// when it is back.
package otlp

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"workbench/lab/trace"
)

// The bounds of an exporter.
const (
	queueSize = 1024                   // traces that wait
	batchSize = 256                    // spans that are sent at once, or a trace's if it has more
	batchWait = 500 * time.Millisecond // how long a batch waits for more
	sendLimit = 5 * time.Second        // for a collector to answer
	restAfter = time.Second            // between two tries after a failure
)

// Counts is what became of spans since the exporter began.
type Counts struct {
	Sent    uint64 `json:"sent"`    // spans that a collector has taken
	Dropped uint64 `json:"dropped"` // spans that found the queue full, or were not taken
	Batches uint64 `json:"batches"` // requests that a collector has taken
}

// Config is what an exporter is made from. URL and Log are needed.
type Config struct {
	URL     string // of the collector: http://127.0.0.1:4318, to which /v1/traces is added
	Version string // of the program
	Log     *slog.Logger
}

// Exporter sends traces. It is safe for concurrent use. Use New; Close it.
type Exporter struct {
	cfg     Config
	target  string
	client  *http.Client
	queue   chan trace.Trace
	ended   chan struct{}
	once    sync.Once
	closing chan struct{} // closed by Close
	stop    context.CancelFunc

	sent, dropped, batches atomic.Uint64
}

// Target returns where the traces for a collector's URL go, or what is wrong
// with it.
func Target(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", fmt.Errorf("otlp: the collector is %q (want a URL such as http://127.0.0.1:4318)", text)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String(), nil
}

// New returns an exporter at work.
func New(c Config) (*Exporter, error) {
	target, err := Target(c.URL)
	if c.Log == nil {
		err = errors.Join(err, errors.New("otlp: Config.Log is nil"))
	}
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &Exporter{
		cfg: c, target: target, client: &http.Client{Timeout: sendLimit, Transport: &http.Transport{MaxIdleConns: 1}},
		queue: make(chan trace.Trace, queueSize), ended: make(chan struct{}), closing: make(chan struct{}), stop: stop,
	}
	go e.work(ctx)
	return e, nil
}

// Export takes a trace to be sent. It never waits.
func (e *Exporter) Export(t trace.Trace) {
	select {
	case e.queue <- t:
	default:
		e.dropped.Add(uint64(len(t.Spans)))
	}
}

// Counts returns what became of the spans.
func (e *Exporter) Counts() Counts {
	return Counts{Sent: e.sent.Load(), Dropped: e.dropped.Load(), Batches: e.batches.Load()}
}

// Close sends what waits, as far as ctx allows, and ends.
func (e *Exporter) Close(ctx context.Context) error {
	e.once.Do(func() { close(e.queue); close(e.closing) })
	defer e.client.CloseIdleConnections()
	defer e.stop()
	select {
	case <-e.ended:
		return nil
	case <-ctx.Done():
		e.stop()
		<-e.ended
		return fmt.Errorf("otlp: %d traces were not sent: %w", len(e.queue), ctx.Err())
	}
}

// work sends batches until the queue is closed and empty.
func (e *Exporter) work(ctx context.Context) {
	defer close(e.ended)
	well := true
	for {
		spans, more := e.batch(ctx)
		if len(spans) > 0 {
			well = e.deliver(ctx, spans, well)
		}
		if !more {
			return
		}
	}
}

// batch waits for a trace and then a little for others.
func (e *Exporter) batch(ctx context.Context) (spans []trace.Span, more bool) {
	first, more := <-e.queue
	if !more {
		return nil, false
	}
	spans = first.Spans
	wait, cancel := context.WithTimeout(ctx, batchWait)
	defer cancel()
	for len(spans) < batchSize {
		select {
		case next, more := <-e.queue:
			if !more {
				return spans, false
			}
			spans = append(spans[:len(spans):len(spans)], next.Spans...)
		case <-wait.Done():
			return spans, true
		}
	}
	return spans, true
}

// deliver sends spans, and says in the log when the collector comes or goes. It
// returns whether it is there.
func (e *Exporter) deliver(ctx context.Context, spans []trace.Span, was bool) bool {
	err := e.send(ctx, spans)
	if err == nil {
		e.sent.Add(uint64(len(spans)))
		e.batches.Add(1)
		if !was {
			e.cfg.Log.Info("the trace collector answers again", "url", e.target, "dropped_spans", e.dropped.Load())
		}
		return true
	}
	e.dropped.Add(uint64(len(spans)))
	if was && ctx.Err() == nil {
		e.cfg.Log.Warn("the trace collector takes nothing; traces are dropped until it does: check --otlp, or start it", "url", e.target, "error", err)
	}
	rest, cancel := context.WithTimeout(ctx, restAfter)
	defer cancel()
	select {
	case <-rest.Done(): // meanwhile the queue fills, and then drops
	case <-e.closing: // what waits is tried once, without a rest between
	}
	return false
}

func (e *Exporter) send(ctx context.Context, spans []trace.Span) error {
	body, err := json.Marshal(e.encode(spans))
	if err != nil {
		return fmt.Errorf("encode the spans: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was read as far as it matters
	said, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("it answers %s: %s", res.Status, strings.TrimSpace(string(said)))
	}
	return nil
}

// The JSON of an export request, as far as it is used: field names are the
// protocol's in lowerCamelCase, 64-bit numbers are text.
type (
	request struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resource     `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	resource struct {
		Attributes []attribute `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope  `json:"scope"`
		Spans []span `json:"spans"`
	}
	scope struct {
		Name    string `json:"name"`
		Version string `json:"version,omitempty"`
	}
	span struct {
		TraceID    string      `json:"traceId"`
		SpanID     string      `json:"spanId"`
		ParentID   string      `json:"parentSpanId,omitempty"`
		Name       string      `json:"name"`
		Kind       int         `json:"kind"`
		Start      string      `json:"startTimeUnixNano"`
		End        string      `json:"endTimeUnixNano"`
		Attributes []attribute `json:"attributes,omitempty"`
		Links      []link      `json:"links,omitempty"`
		Status     status      `json:"status"`
	}
	attribute struct {
		Key   string `json:"key"`
		Value value  `json:"value"`
	}
	value struct {
		String string `json:"stringValue"`
	}
	link struct {
		TraceID string `json:"traceId"`
		SpanID  string `json:"spanId"`
	}
	status struct {
		Code    int    `json:"code,omitempty"` // 2: error
		Message string `json:"message,omitempty"`
	}
)

// kinds are the protocol's numbers of SpanKind.
func kindOf(kind string) int {
	switch kind {
	case trace.KindServer:
		return 2
	case trace.KindClient, trace.KindStore, trace.KindCache:
		return 3
	case trace.KindMessage:
		return 5
	}
	return 1 // internal
}

// encode groups spans by where they were made: each place is a service.
func (e *Exporter) encode(spans []trace.Span) request {
	var out request
	at := map[string]int{}
	for _, s := range spans {
		i, known := at[s.Where]
		if !known {
			i = len(out.ResourceSpans)
			at[s.Where] = i
			out.ResourceSpans = append(out.ResourceSpans, resourceSpans{
				Resource:   resource{[]attribute{{"service.name", value{"workbench-" + s.Where}}, {"service.version", value{e.cfg.Version}}}},
				ScopeSpans: []scopeSpans{{Scope: scope{"workbench", e.cfg.Version}}},
			})
		}
		into := &out.ResourceSpans[i].ScopeSpans[0]
		into.Spans = append(into.Spans, encode(s))
	}
	return out
}

func encode(s trace.Span) span {
	out := span{
		TraceID: s.Trace.String(), SpanID: s.ID.String(), Name: s.Name, Kind: kindOf(s.Kind),
		Start: strconv.FormatInt(s.Start.UnixNano(), 10), End: strconv.FormatInt(s.End.UnixNano(), 10),
	}
	if s.Parent.IsValid() {
		out.ParentID = hex.EncodeToString(s.Parent[:])
	}
	for _, a := range s.Attrs {
		out.Attributes = append(out.Attributes, attribute{a.Key, value{a.Value}})
	}
	for _, l := range s.Links {
		out.Links = append(out.Links, link{l.Trace.String(), l.Span.String()})
	}
	if s.Failed {
		out.Status = status{2, s.Attr("reason")}
	}
	return out
}
