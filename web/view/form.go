package view

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// Form is a form that was refused: what was typed, and what is wrong with which
// field. It goes with the context of the page that is shown again, so that every
// page with a form is filled in and marked in one way.
type Form struct {
	Status int        // with which the page is answered
	Text   string     // what was wrong, in a sentence
	Values url.Values // as they were typed
	Faults map[string]string
}

type formKey struct{}

// WithForm returns a context whose page shows f.
func WithForm(ctx context.Context, f Form) context.Context {
	return context.WithValue(ctx, formKey{}, f)
}

// FormOf returns the refused form of a context; zero: nothing was refused.
func FormOf(ctx context.Context) Form {
	f, _ := ctx.Value(formKey{}).(Form)
	return f
}

// Typed returns what was typed into a field, or what stands there otherwise.
func Typed(ctx context.Context, name, otherwise string) string {
	if f := FormOf(ctx); f.Values.Has(name) {
		return f.Values.Get(name)
	}
	return otherwise
}

// Ticked reports whether a box was ticked. A form does not send one that is not:
// in a refused form whose first field is also this one's what is missing was
// left out.
func Ticked(ctx context.Context, beside, name, value string, otherwise bool) bool {
	f := FormOf(ctx)
	if !f.Values.Has(beside) {
		return otherwise
	}
	return slices.Contains(f.Values[name], value)
}

// Wrong says what is wrong with a field; empty: nothing is.
func Wrong(ctx context.Context, name string) string { return FormOf(ctx).Faults[name] }

// knobPrefix stands before the name of a knob's field in a form that has other
// fields too.
const knobPrefix = "knob-"

// Wrong says what is wrong with a knob of a refused form; empty: nothing is.
func (k Knob) Wrong(ctx context.Context) string {
	return Wrong(ctx, strings.TrimPrefix(k.Name, knobPrefix))
}

// Ticked reports whether a switch stands ticked.
func (k Knob) Ticked(ctx context.Context) bool {
	if k.Beside == "" {
		return k.On
	}
	return Ticked(ctx, k.Beside, k.Name, "on", k.On)
}
