package trace

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otel "go.opentelemetry.io/otel/trace"
)

// Redis returns a hook that makes a span of each command, below the request's.
func (t *Tracer) Redis() redis.Hook { return hook{t} }

type hook struct{ t *Tracer }

// DialHook implements redis.Hook.
func (h hook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook implements redis.Hook.
func (h hook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, span, ok := h.t.child(ctx, "redis "+cmd.Name(), "cache", KindCache)
		if !ok {
			return next(ctx, cmd)
		}
		return told(span, next(ctx, cmd))
	}
}

// ProcessPipelineHook implements redis.Hook.
func (h hook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, span, ok := h.t.child(ctx, "redis pipeline", "cache", KindCache)
		if !ok {
			return next(ctx, cmds)
		}
		span.SetAttributes(attribute.Int("commands", len(cmds)))
		return told(span, next(ctx, cmds))
	}
}

// told ends a span with a command's error. A key that is not there is none.
func told(span otel.Span, err error) error {
	if err != nil && !errors.Is(err, redis.Nil) {
		span.SetAttributes(attribute.String("error", err.Error()))
	}
	span.End()
	return err
}

// ender returns how to end a span with an error.
func ender(span otel.Span) func(error) {
	return func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
		}
		span.End()
	}
}

func correlation(id string) attribute.KeyValue {
	const most = 64
	return attribute.String("correlation", id[:min(len(id), most)])
}
