package code

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
)

// guide:begin correlation

// idKey is the context's key for the id of a request.
type idKey struct{}

// safeID is what is taken from a caller: short, and nothing that could break a
// log line.
var safeID = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)

// Correlate gives each request an id: the caller's, if it is fit to be logged,
// or a fresh one. The answer carries it, and so does every line of Log.
func Correlate(fresh func() string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !safeID.MatchString(id) {
			id = fresh()
		}
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), idKey{}, id)))
	})
}

// Log returns the logger for a request.
func Log(ctx context.Context, log *slog.Logger) *slog.Logger {
	if id, ok := ctx.Value(idKey{}).(string); ok {
		return log.With("request_id", id)
	}
	return log
}

// guide:end
