package journal

import (
	"context"
	"log/slog"
	"regexp"
	"strings"
	"time"
)

// Handler returns a slog.Handler that keeps each line in the journal and passes
// it on to next, if there is one. Both get it without secrets.
func (j *Journal) Handler(next slog.Handler) slog.Handler { return handler{journal: j, next: next} }

type handler struct {
	journal *Journal
	next    slog.Handler // nil: the ring is the end
	attrs   []slog.Attr
	group   string
}

// Enabled implements slog.Handler: the ring takes what is worth a line, whatever
// the next handler wants.
func (h handler) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelInfo || h.next != nil && h.next.Enabled(ctx, l)
}

// Handle implements slog.Handler.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	line := Line{At: r.Time, Level: r.Level, Text: h.journal.marks.scrub(r.Message), Trace: traced(ctx)}
	if line.At.IsZero() {
		line.At = h.journal.clock.Date(h.journal.clock.Now())
	}
	for _, a := range h.attrs {
		line.take(a)
	}
	clean := slog.NewRecord(r.Time, r.Level, line.Text, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		a.Key = h.group + a.Key
		a = h.journal.marks.redact(a)
		line.take(a)
		clean.AddAttrs(a)
		return true
	})
	h.journal.add(line)
	if h.next != nil && h.next.Enabled(ctx, r.Level) {
		return h.next.Handle(ctx, clean)
	}
	return nil
}

// take puts an attribute into the field that is meant for it.
func (l *Line) take(a slog.Attr) {
	v := a.Value.Resolve()
	switch a.Key {
	case "trace", "trace_id", "correlation_id":
		if l.Trace == "" {
			l.Trace = v.String()
		}
	case "instance":
		l.Instance = v.String()
	case "op":
		l.Op = v.String()
	case "outcome":
		l.Outcome = v.String()
	case "reason":
		l.Reason = v.String()
	case "user":
		l.User = v.String()
	case "took":
		if v.Kind() == slog.KindDuration {
			l.Took = v.Duration().Round(time.Microsecond)
			return
		}
		fallthrough
	default:
		l.Attrs = append(l.Attrs, Attr{a.Key, v.String()})
	}
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	all := append([]slog.Attr(nil), h.attrs...)
	var clean []slog.Attr
	for _, a := range attrs {
		a.Key = h.group + a.Key
		clean = append(clean, h.journal.marks.redact(a))
	}
	h.attrs = append(all, clean...)
	if h.next != nil {
		h.next = h.next.WithAttrs(clean)
	}
	return h
}

// WithGroup implements slog.Handler. Keys get the group as a prefix.
func (h handler) WithGroup(name string) slog.Handler {
	if name != "" {
		h.group += name + "."
	}
	return h
}

// hidden is what stands in a line where a secret was.
const hidden = "[redacted]"

// redact takes secrets out of an attribute: all of it where its name says that
// it is one, and else the part of its text that looks like one.
func (k marks) redact(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		var in []any
		for _, one := range v.Group() {
			in = append(in, k.redact(one))
		}
		return slog.Group(a.Key, in...)
	}
	if secret(a.Key) {
		return slog.String(a.Key, hidden)
	}
	switch v.Kind() {
	case slog.KindString, slog.KindAny:
		text := v.String()
		if clean := k.scrub(text); clean != text {
			return slog.String(a.Key, clean)
		}
	}
	return slog.Attr{Key: a.Key, Value: v}
}

// secret reports whether a name is that of a secret.
func secret(key string) bool {
	key = strings.Map(func(r rune) rune {
		if r == '_' || r == '-' || r == '.' {
			return -1
		}
		return r
	}, strings.ToLower(key))
	for _, word := range []string{"token", "password", "passwd", "secret", "authorization", "cookie", "apikey", "session"} {
		if strings.Contains(key, word) {
			return true
		}
	}
	return false
}

// scrub takes out of a text what looks like a secret: a bearer token, a JSON Web
// Token, a password within a URL, and the value of a parameter that is named
// like one. Most texts have none of the marks and are not searched.
func (k marks) scrub(s string) string {
	if !strings.ContainsAny(s, "=:@. ") {
		return s
	}
	lower := strings.ToLower(s)
	found := false
	for _, mark := range []string{"bearer", "basic", "eyj", "://", "token", "password", "secret", "key="} {
		found = found || strings.Contains(lower, mark)
	}
	if !found {
		return s
	}
	for _, m := range k {
		s = m.pattern.ReplaceAllString(s, m.with)
	}
	return s
}

// marks are how secrets look, and what stands in their place.
type marks []mark

type mark struct {
	pattern *regexp.Regexp
	with    string
}

func newMarks() marks {
	return marks{
		{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]+`), "$1 " + hidden},
		{regexp.MustCompile(`\beyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*`), hidden},
		{regexp.MustCompile(`(://[^:/@\s]*:)[^@/\s]+@`), "${1}" + hidden + "@"},
		{regexp.MustCompile(`(?i)\b((?:[a-z_]*token|password|secret|api_?key)=)[^&\s"]+`), "${1}" + hidden},
	}
}
