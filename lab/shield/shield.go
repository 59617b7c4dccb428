// Package shield makes calls on goroutines that are not a request's own, for the
// patterns that race calls, let them outlive who asked, or share what they bring.
package shield

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"workbench/lab"
)

// Call serves r by next. A panic below, which on such a goroutine would end the
// service, is a failure instead: ok is false, and the log has it in the pattern's
// name.
func Call(ctx context.Context, log *slog.Logger, pattern string, r *lab.Request, next lab.Handler) (res lab.Response, ok bool) {
	defer func() {
		if cause := recover(); cause != nil {
			log.Error(pattern+": panic below", "request", r.ID, "panic", fmt.Sprint(cause), "stack", string(debug.Stack()))
			res, ok = lab.Refuse(lab.Failed, lab.ReasonFault, 0), false
		}
	}()
	return next.Serve(ctx, r), true
}
