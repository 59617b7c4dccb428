// Package correlationid gives every request a name that its answer, its logs and its calls carry.
package correlationid

import (
	"context"
	"log/slog"
	"net/http"
)

// Header carries the id in requests and in answers.
const Header = "X-Request-ID"

// Wrap gives each request an id: the client's if it is valid, else a new one.
func Wrap(next http.Handler) http.Handler { return next }

// ID returns the id in ctx; empty if there is none.
func ID(ctx context.Context) string { return "" }

// Handler returns a log handler that adds request_id to each record whose context has an id.
func Handler(next slog.Handler) slog.Handler { return next }

// Transport returns a round tripper that sends the id of the request's context along.
func Transport(next http.RoundTripper) http.RoundTripper { return next }
