package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"workbench/lab"
	"workbench/lab/live"
)

// maxBody is the largest body in bytes; a scenario file is at most as large.
const maxBody = 64 << 10

// bodyError is one fault of a body. It wraps errMalformed.
type bodyError struct{ field, got, want string }

func (e *bodyError) Error() string { return fmt.Sprintf("field %s: want %s", e.field, e.want) }
func (e *bodyError) Unwrap() error { return errMalformed }

// decode reads a JSON object of the wanted form into v. An unknown field, a
// second value, another content type and a body over maxBody are refused. An
// absent body is {} when v's owner allows it (optional).
func decode(w http.ResponseWriter, r *http.Request, v any, optional bool) error {
	if optional && r.ContentLength == 0 {
		return nil
	}
	return decodeUpTo(w, r, v, maxBody)
}

// decodeUpTo is decode of a body of at most so many bytes.
func decodeUpTo(w http.ResponseWriter, r *http.Request, v any, most int64) error {
	if r.ContentLength > most {
		return tooLarge(most) // refused before it is read
	}
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return errMediaType
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, most))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return bodyFault(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return &bodyError{"body", "more after the first JSON value", "one JSON object"}
	}
	return nil
}

func tooLarge(most int64) error { return fmt.Errorf("%w %d KiB", errTooLarge, most>>10) }

// bodyFault turns a fault of the JSON reader into one that names the field.
func bodyFault(err error) error {
	var large *http.MaxBytesError
	var kind *json.UnmarshalTypeError
	var state *lab.StateError
	if errors.As(err, &large) {
		return tooLarge(large.Limit)
	}
	if errors.As(err, &state) { // every state of a body stands in a field of that name
		return &live.FieldError{Field: "state", Got: strconv.Quote(state.Got), Want: state.Want()}
	}
	if errors.As(err, &kind) {
		field := kind.Field
		if field == "" {
			field = "body"
		}
		return &bodyError{field, "a JSON " + kind.Value, "a " + kind.Type.String()}
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return &bodyError{strings.Trim(name, `"`), "a field that does not exist", "only the fields that /api lists"}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &bodyError{"body", "an unfinished value", "one JSON object"}
	}
	return &bodyError{"body", "", "one JSON object (" + err.Error() + ")"}
}
