package orders

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"

	"workbench/lab"
	"workbench/lab/system/orders/match"
)

// The bounds of an order. The product of price and quantity stays far below
// what 64 bits hold.
const (
	MaxPrice  = 1_000_000_000 // ticks
	MaxQty    = 1_000_000     // lots
	MaxSymbol = 1 << 62
	maxLimit  = 1000 // orders in one list
)

// Order is a submission as it is asked for.
type Order struct {
	Symbol uint64
	Side   match.Side
	Price  int64
	Qty    int64
}

// ParseOrder reads the body of a submission. Its error names every wrong field
// and is a lab.ErrBad.
func ParseOrder(body []byte) (Order, error) {
	var in struct {
		Symbol *uint64 `json:"symbol"`
		Side   *string `json:"side"`
		Price  *int64  `json:"price"`
		Qty    *int64  `json:"qty"`
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return Order{}, fmt.Errorf(`%w: the body is not JSON like {"symbol":7,"side":"buy","price":1000,"qty":10}: %w`, lab.ErrBad, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Order{}, fmt.Errorf("%w: the body goes on after the order", lab.ErrBad)
	}
	var faults []error
	wrong := func(field string, got any, want string) {
		faults = append(faults, fmt.Errorf("%s is %v (want %s)", field, got, want))
	}
	o := Order{}
	switch {
	case in.Symbol == nil:
		wrong("symbol", "missing", "the number of a symbol")
	case *in.Symbol < 1 || *in.Symbol > MaxSymbol:
		wrong("symbol", *in.Symbol, "1 or more")
	default:
		o.Symbol = *in.Symbol
	}
	switch {
	case in.Side == nil:
		wrong("side", "missing", "buy or sell")
	case *in.Side == "buy":
		o.Side = match.Buy
	case *in.Side == "sell":
		o.Side = match.Sell
	default:
		wrong("side", fmt.Sprintf("%.20q", *in.Side), "buy or sell")
	}
	number := func(field string, v *int64, most int64, unit string) int64 {
		want := fmt.Sprintf("a whole number of %s from 1 to %d", unit, most)
		switch {
		case v == nil:
			wrong(field, "missing", want)
			return 0
		case *v < 1 || *v > most:
			wrong(field, *v, want)
		}
		return *v
	}
	o.Price = number("price", in.Price, MaxPrice, "ticks")
	o.Qty = number("qty", in.Qty, MaxQty, "lots")
	if len(faults) > 0 {
		return Order{}, fmt.Errorf("%w: %w", lab.ErrBad, errors.Join(faults...))
	}
	return o, nil
}

// ParseList reads the query of a list: the number after which it begins, and
// how many orders it has at most. Its error is a lab.ErrBad.
func ParseList(query string) (after uint64, limit int, err error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return 0, 0, fmt.Errorf("%w: the query: %w", lab.ErrBad, err)
	}
	limit = 100
	if text := values.Get("after"); text != "" {
		if after, err = strconv.ParseUint(text, 10, 63); err != nil {
			return 0, 0, fmt.Errorf("%w: after is %.20q (want the number of an order)", lab.ErrBad, text)
		}
	}
	if text := values.Get("limit"); text != "" {
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxLimit {
			return 0, 0, fmt.Errorf("%w: limit is %.20q (want a number from 1 to %d)", lab.ErrBad, text, maxLimit)
		}
	}
	return after, limit, nil
}
