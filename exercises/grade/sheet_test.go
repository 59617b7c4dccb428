package grade

import (
	"encoding/json"
	"testing"
)

// A verdict has one form on paper; the plain one lacks the details and leaves
// the whole one as it is.
func TestSheet(t *testing.T) {
	v := Verdict{
		Exercise: "x", State: Fail, Reason: "fail: no", Score: 30, Of: 80, Race: Unchecked, Leak: Found, Advice: []string{"a.go:1: no"}, Lesson: "why", Output: "out",
		Cases: []Case{{Name: "TestA", State: Fail, Points: 0, Of: 10, Message: "m", Expected: "1", Got: "2", At: "a.go:3", Hint: "look"}},
	}
	const (
		head = `{"exercise":"x","accepted":false,"score":30,"cases":[{"name":"TestA","ok":false,"points":0,"message":"m"`
		mid  = `}],"race":null,"leak":true,"duration_ms":0,"reason":"fail: no"`
	)
	plain := head + mid + `}`
	whole := head + `,"status":"fail","of":10,"expected":"1","got":"2","at":"a.go:3","hint":"look"` + mid + `,"state":"fail","of":80,"output":"out","advice":["a.go:1: no"],"lesson":"why"}`
	sheet := v.Sheet()
	for want, s := range map[string]Sheet{plain: sheet.Plain(), whole: sheet} {
		if got, err := json.Marshal(s); err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
}
