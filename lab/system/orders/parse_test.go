package orders_test

import (
	"errors"
	"strings"
	"testing"

	"workbench/lab"
	"workbench/lab/system/orders"
)

func TestParseOrderNamesTheField(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"no JSON", `symbol=7`, "is not JSON like"},
		{"another field", `{"symbol":1,"side":"buy","price":1,"qty":1,"note":"x"}`, "note"},
		{"two orders", `{"symbol":1,"side":"buy","price":1,"qty":1}{}`, "goes on after"},
		{"nothing", `{}`, "symbol is missing"},
		{"symbol 0", `{"symbol":0,"side":"buy","price":1,"qty":1}`, "symbol is 0"},
		{"a side that is none", `{"symbol":1,"side":"up","price":1,"qty":1}`, `side is "up"`},
		{"price 0", `{"symbol":1,"side":"buy","price":0,"qty":1}`, "price is 0"},
		{"too many", `{"symbol":1,"side":"buy","price":1,"qty":1000001}`, "qty is 1000001"},
	} {
		if _, err := orders.ParseOrder([]byte(c.body)); !errors.Is(err, lab.ErrBad) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: ParseOrder(%s) = %v, want a lab.ErrBad with %q", c.name, c.body, err, c.want)
		}
	}
}

func FuzzParseOrder(f *testing.F) {
	f.Add([]byte(`{"symbol":7,"side":"sell","price":1000,"qty":10}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, err := orders.ParseOrder(body)
		if err == nil && (o.Symbol < 1 || o.Price < 1 || o.Price > orders.MaxPrice || o.Qty < 1 || o.Qty > orders.MaxQty) {
			t.Errorf("ParseOrder(%q) = %+v, want it refused", body, o)
		}
	})
}
