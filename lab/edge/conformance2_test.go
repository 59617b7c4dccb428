package edge_test

func demandRows() []conformance {
	after := func(name, give, ask, want string) conformance {
		return conformance{name: name, steps: []step{{give: give}, {after: 3, ask: ask, want: want}}}
	}
	hour := "Cache-Control: max-age=3600"
	return group("demands",
		after("max-age 0", hour, "Cache-Control: max-age=0", "origin"),
		after("max-age below the age", hour, "Cache-Control: max-age=1", "origin"),
		after("max-age above the age", hour, "Cache-Control: max-age=10", "hit"),
		after("max-age counts the origin's Age", hour+" | Age: 1800", "Cache-Control: max-age=600", "origin"),
		after("max-stale accepts", "Cache-Control: max-age=1", "Cache-Control: max-stale=1000", "hit"),
		after("max-stale without a number accepts", "Cache-Control: max-age=1", "Cache-Control: max-stale", "hit"),
		after("max-stale too small", "Cache-Control: max-age=1", "Cache-Control: max-stale=1", "origin"),
		after("max-stale with Age", "Cache-Control: max-age=1500 | Age: 2000", "Cache-Control: max-stale=1000", "hit"),
		after("max-stale not over must-revalidate", "Cache-Control: max-age=1, must-revalidate", "Cache-Control: max-stale=1000", "origin"),
		after("max-stale not over s-maxage", "Cache-Control: s-maxage=1", "Cache-Control: max-stale=1000", "origin"),
		after("min-fresh too much", "Cache-Control: max-age=1500", "Cache-Control: min-fresh=2000", "origin"),
		after("min-fresh with Age", "Cache-Control: max-age=1500 | Age: 1000", "Cache-Control: min-fresh=1000", "origin"),
		after("min-fresh met", "Cache-Control: max-age=1500", "Cache-Control: min-fresh=1000", "hit"),
		after("no-cache", hour, "Cache-Control: no-cache", "origin"),
		after("no-cache validates by tag", hour+` | ETag: "a"`, "Cache-Control: no-cache", "tag"),
		after("no-cache validates by date", hour+" | Last-Modified: @-10000", "Cache-Control: no-cache", "date"),
		after("no-store", hour, "Cache-Control: no-store", "origin"),
		after("Pragma: no-cache", hour, "Pragma: no-cache", "origin"),
		after("Pragma beside Cache-Control means nothing", hour, "Pragma: no-cache | Cache-Control: max-age=60", "hit"),
		after("another Pragma", hour, "Pragma: x", "hit"),
		conformance{name: "no-store is not kept", steps: []step{{give: hour, ask: "Cache-Control: no-store"}, {want: "origin"}}},
		conformance{name: "only-if-cached without a copy", steps: []step{{ask: "Cache-Control: only-if-cached", want: "nobody", status: 504}}},
		conformance{name: "only-if-cached with a copy", steps: []step{{give: hour}, {ask: "Cache-Control: only-if-cached", want: "hit"}}},
		conformance{name: "only-if-cached with a stale copy", steps: []step{{give: "Cache-Control: max-age=1"}, {after: 3, ask: "Cache-Control: only-if-cached", want: "nobody", status: 504}}},
	)
}

func varyRows() []conformance {
	two := func(name, vary, first, second, want string) conformance {
		return conformance{name: name, steps: []step{{give: "Cache-Control: max-age=60 | Vary: " + vary, ask: first}, {after: 3, give: "Cache-Control: max-age=60 | Vary: " + vary, ask: second, want: want}}}
	}
	lang := func(name, first, second, want string) conformance {
		return two(name, "Accept-Language", "Accept-Language: "+first, "Accept-Language: "+second, want)
	}
	return group("vary",
		two("same", "Foo", "Foo: 1", "Foo: 1", "hit"),
		two("different", "Foo", "Foo: 1", "Foo: 2", "origin"),
		two("absent at first", "Foo", "", "Foo: 1", "origin"),
		two("absent later", "Foo", "Foo: 1", "", "origin"),
		two("absent both times", "Foo", "", "", "hit"),
		two("empty is not absent", "Foo", "Foo:", "", "origin"),
		two("another field differs", "Foo", "Foo: 1 | Bar: 2", "Foo: 1 | Bar: 3", "hit"),
		two("two fields, same", "Foo, Bar", "Foo: 1 | Bar: a", "Foo: 1 | Bar: a", "hit"),
		two("two fields, one differs", "Foo, Bar", "Foo: 1 | Bar: a", "Foo: 2 | Bar: a", "origin"),
		two("two fields, one absent", "Foo, Bar", "Foo: 1", "Foo: 1", "hit"),
		two("on two lines", "Foo | Vary: Bar", "Foo: 1 | Bar: a", "Foo: 1 | Bar: b", "origin"),
		two("a value that spells another field", "Foo, Bar", "Foo: 1", `Foo: 1"\nBar"`, "origin"),
		two("star", "*", "", "", "origin"),
		two("star twice", "*, *", "", "", "origin"),
		two("star after an empty member", ", *", "", "", "origin"),
		two("star before a name", "*, Foo", "Foo: 1", "Foo: 1", "origin"),
		two("star after a name", "Foo, *", "Foo: 1", "Foo: 1", "origin"),
		two("name in another case", "fOO", "Foo: 1", "Foo: 2", "origin"),
		two("lines are combined", "Foo", "Foo: 1, 2", "Foo: 1 | Foo: 2", "hit"),
		two("blanks do not count", "Foo", "Foo: 1,2", "Foo: 1,  2", "hit"),
		two("order counts for what is not known", "Foo", "Foo: 1, 2", "Foo: 2, 1", "origin"),
		lang("languages in another order", "en, de", "de, en", "hit"),
		lang("languages in another case", "en, de", "eN, De", "hit"),
		lang("languages with blanks", "en, de", " en ,   de", "hit"),
		lang("other languages", "en, de", "en, fr", "origin"),
		conformance{name: "the favourite language is there", steps: []step{{ask: "Accept-Language: en, de", give: "Cache-Control: max-age=60 | Vary: Accept-Language | Content-Language: de"}, {ask: "Accept-Language: fr;q=0.5, de;q=1.0", want: "hit"}}},
		conformance{name: "the favourite language is not", steps: []step{{ask: "Accept-Language: en, de", give: "Cache-Control: max-age=60 | Vary: Accept-Language | Content-Language: de"}, {ask: "Accept-Language: fr, de;q=0.5", want: "origin"}}},
		conformance{name: "two variants beside one another", steps: []step{
			{ask: "Foo: 1", give: "Cache-Control: max-age=60 | Vary: Foo", is: "answer 1"}, {ask: "Foo: 2", give: "Cache-Control: max-age=60 | Vary: Foo", is: "answer 2"}, {ask: "Foo: 1", want: "hit", is: "answer 1"}, {ask: "Foo: 2", want: "hit", is: "answer 2"}}},
		conformance{name: "a 304 picks another variant", steps: []step{
			{ask: "Foo: 1", give: `Cache-Control: max-age=60 | Vary: Foo | ETag: "a"`, is: "answer 1"}, {ask: "Foo: 2", give: `Cache-Control: max-age=60 | Vary: Foo | ETag: "a"`, want: "tag", is: "answer 1"}, {ask: "Foo: 2", want: "hit", is: "answer 1"}}},
		conformance{name: "an answer without Vary fits all", steps: []step{{ask: "Foo: 1", give: "Cache-Control: max-age=60"}, {ask: "Foo: 2", want: "hit"}}},
		conformance{name: "the selecting field goes along with a validation", steps: []step{{ask: "Foo: 1", give: `Cache-Control: max-age=1 | Vary: Foo | ETag: "a"`}, {after: 3, ask: "Foo: 1", give: `ETag: "a"`, want: "tag"}}},
	)
}

func conditionRows() []conformance {
	own := func(name, give, ask string, status int) conformance {
		return conformance{name: name, steps: []step{{give: "Cache-Control: max-age=60 | " + give}, {after: 3, ask: ask, want: "hit", status: status}}}
	}
	return group("conditions",
		own("tag is the same", `ETag: "a"`, `If-None-Match: "a"`, 304),
		own("tag is another", `ETag: "a"`, `If-None-Match: "b"`, 200),
		own("weak tag is the same", `ETag: W/"a"`, `If-None-Match: W/"a"`, 304),
		own("weak against strong", `ETag: "a"`, `If-None-Match: W/"a"`, 304),
		own("first of several", `ETag: "a"`, `If-None-Match: "a", "b"`, 304),
		own("last of several", `ETag: "a"`, `If-None-Match: "b", "a"`, 304),
		own("on another line", `ETag: "a"`, `If-None-Match: "b" | If-None-Match: "a"`, 304),
		own("a tag with a comma inside", `ETag: "a,b"`, `If-None-Match: "a,b"`, 304),
		own("star", `ETag: "a"`, "If-None-Match: *", 304),
		own("tag decides before the date", `ETag: "a" | Last-Modified: @-50`, `If-None-Match: "b" | If-Modified-Since: @-3`, 200),
		own("no tag to compare", "Last-Modified: @-50", `If-None-Match: "b"`, 200),
		own("not modified since", "Last-Modified: @-3000", "If-Modified-Since: @-2000", 304),
		own("modified since", "Last-Modified: @-3000", "If-Modified-Since: @-4000", 200),
		own("since, without Last-Modified", "X: y", "If-Modified-Since: @0", 304),
		own("since long ago, without Last-Modified", "X: y", "If-Modified-Since: @-4000", 200),
		own("a broken date", "Last-Modified: @-3000", "If-Modified-Since: yesterday", 200),
		conformance{name: "304 has the tag and not the type", steps: []step{
			{give: `Cache-Control: max-age=60 | ETag: "a" | Content-Type: text/plain | Vary: X`}, {ask: `If-None-Match: "a"`, want: "hit", status: 304, has: `ETag: "a" | Vary: X | Cache-Control | Age | Date`, lacks: "Content-Type | Content-Length"}}},
		conformance{name: "a stale copy is validated with its own tag", steps: []step{{give: `Cache-Control: max-age=1 | ETag: "a"`}, {after: 3, ask: `If-None-Match: "b"`, give: `ETag: "a"`, want: "tag", is: "answer 1"}}},
		conformance{name: "validated, and then the client has it", steps: []step{{give: `Cache-Control: max-age=1 | ETag: "a"`}, {after: 3, ask: `If-None-Match: "a"`, give: `ETag: "a"`, want: "tag", status: 304}}},
		conformance{name: "replaced, and the client has the new one", steps: []step{{give: `Cache-Control: max-age=1 | ETag: "a"`}, {after: 3, ask: `If-None-Match: "b"`, give: `ETag: "b"`, want: "origin", status: 304}}},
		conformance{name: "validated by date", steps: []step{{give: "Cache-Control: max-age=1 | Last-Modified: @-3000"}, {after: 3, give: "Cache-Control: max-age=60", want: "date", is: "answer 1"}, {want: "hit", is: "answer 1"}}},
		conformance{name: "a 304 that names another tag is not used", steps: []step{{give: `Cache-Control: max-age=1 | ETag: "a"`, is: "answer 1"}, {after: 3, give: `ETag: "b" | Cache-Control: max-age=60`, want: "tag", status: 304}}}.misled(),
		conformance{name: "without a copy the client's condition goes on", steps: []step{{ask: `If-None-Match: "x"`, give: "304", want: "tag", status: 304}, {want: "origin"}}},
		conformance{name: "If-Match is the origin's affair", steps: []step{{give: `Cache-Control: max-age=60 | ETag: "a"`}, {ask: `If-Match: "a"`, want: "origin"}}},
		conformance{name: "If-Unmodified-Since is the origin's affair", steps: []step{{give: "Cache-Control: max-age=60"}, {ask: "If-Unmodified-Since: @0", want: "origin"}}},
	)
}

// misled turns the row's last step into one where the origin answers 304 about a
// representation that was not asked for, and then gives the whole.
func (c conformance) misled() conformance {
	last := &c.steps[len(c.steps)-1]
	last.want, last.status, last.is = "origin", 200, "answer 3"
	last.give = "mislead"
	return c
}

func fieldRows() []conformance {
	kept := func(name, value string) conformance {
		return conformance{name: name + " is kept", steps: []step{{give: "Cache-Control: max-age=60 | " + name + ": " + value, has: name + ": " + value}, {want: "hit", has: name + ": " + value}}}
	}
	gone := func(name string) conformance {
		return conformance{name: name + " is not kept", steps: []step{{give: "Cache-Control: max-age=60 | " + name + ": x", lacks: name}, {want: "hit", lacks: name}}}
	}
	updated := func(name, a, b, want string) conformance {
		return conformance{name: name + " in a 304", steps: []step{
			{give: `Cache-Control: max-age=2 | ETag: "t" | ` + name + ": " + a}, {after: 3, want: "tag", give: `Cache-Control: max-age=2 | ETag: "t" | ` + name + ": " + b, has: name + ": " + want}, {want: "hit", has: name + ": " + want}}}
	}
	return group("fields",
		conformance{name: "listed in Connection", steps: []step{{give: "Cache-Control: max-age=60 | Connection: a, b | A: 1 | B: 2 | C: 3", lacks: "A | B"}, {want: "hit", has: "C: 3", lacks: "A | B | Connection"}}},
		kept("Test-Header", "x"), kept("Content-Encoding", "x"), kept("Content-Location", "/bar"), kept("Content-Security-Policy", "default-src 'self'"),
		kept("Content-Type", "text/plain;charset=utf-8"), kept("Clear-Site-Data", "cookies"), kept("ETag", `"x"`), kept("Expires", "Mon, 11 Jan 2038 11:11:11 GMT"),
		kept("Set-Cookie", "a=c"), kept("X-Frame-Options", "deny"), kept("Link", "</a>; rel=preload"),
		gone("Keep-Alive"), gone("Proxy-Authenticate"), gone("Proxy-Authentication-Info"), gone("Proxy-Authorization"), gone("Proxy-Connection"), gone("TE"), gone("Upgrade"),
		updated("Test-Header", "a", "b", "b"), updated("Content-Location", "/a", "/b", "/b"), updated("Content-Type", "text/plain", "text/html", "text/html"),
		updated("Expires", "Fri, 01 Jan 2038 01:01:01 GMT", "Mon, 11 Jan 2038 11:11:11 GMT", "Mon, 11 Jan 2038 11:11:11 GMT"), updated("Set-Cookie", "a=b", "a=c", "a=c"),
		updated("Content-Encoding", "gzip", "br", "gzip"), updated("Content-Range", "a", "b", "a"),
		conformance{name: "Content-Length stays in a 304", steps: []step{{give: `Cache-Control: max-age=2 | ETag: "t"`, body: "five5"}, {after: 3, want: "tag", give: `Cache-Control: max-age=2 | ETag: "t" | Content-Length: 10`, is: "five5", has: "Content-Length: 5"}}},
		conformance{name: "what a 304 omits stays", steps: []step{{give: `Cache-Control: max-age=2 | ETag: "t" | A: 1`}, {after: 3, want: "tag", give: `ETag: "t"`, has: "A: 1"}}},
		conformance{name: "lifetime from a 304", steps: []step{{give: `Cache-Control: max-age=1 | ETag: "t"`}, {after: 3, want: "tag", give: `Cache-Control: max-age=3600 | ETag: "t"`}, {after: 60, want: "hit"}}},
		conformance{name: "Via is added to", steps: []step{{give: "Cache-Control: max-age=60 | Via: 1.0 a", has: "Via: 1.0 a, 1.1 edge"}, {want: "hit", has: "Via: 1.0 a, 1.1 edge"}}},
		conformance{name: "Cache-Status says what happened", steps: []step{
			{give: `Cache-Control: max-age=2 | ETag: "t"`, has: "Cache-Status: edge; fwd=uri-miss; fwd-status=200; ttl=2; stored"}, {want: "hit", has: "Cache-Status: edge; hit; ttl=2"}, {after: 3, want: "tag", give: `ETag: "t"`, has: "Cache-Status: edge; fwd=stale; fwd-status=304; ttl=2; stored"}}},
		conformance{name: "Cache-Status says why it was not kept", steps: []step{{give: "Cache-Control: private", has: "Cache-Status: edge; fwd=uri-miss; fwd-status=200; detail=private"}}},
		conformance{name: "a query is part of the key", steps: []step{{do: "GET /?a", give: "Cache-Control: max-age=60"}, {do: "GET /?b", want: "origin"}}},
		conformance{name: "the same query", steps: []step{{do: "GET /?a", give: "Cache-Control: max-age=60"}, {do: "GET /?a", want: "hit"}}},
	)
}

func writeRows() []conformance {
	var rows []conformance
	hour := "Cache-Control: max-age=3600"
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "M-SEARCH"} {
		rows = append(rows,
			conformance{name: method, steps: []step{{give: hour}, {do: method + " /"}, {want: "origin"}}},
			conformance{name: method + " that failed", steps: []step{{give: hour}, {do: method + " /", give: "500", status: 500}, {want: "hit"}}},
			conformance{name: method + " with Location", steps: []step{{do: "GET /a/b", give: hour}, {do: method + " /a/", give: "Location: b"}, {do: "GET /a/b", want: "origin"}}},
			conformance{name: method + " with Content-Location", steps: []step{{do: "GET /a/b", give: hour}, {do: method + " /a/", give: "Content-Location: /a/b"}, {do: "GET /a/b", want: "origin"}}},
		)
	}
	rows = append(rows,
		conformance{name: "Location of another origin", steps: []step{{do: "GET /b", give: hour}, {do: "POST /", give: "Location: http://elsewhere.example/b"}, {do: "GET /b", want: "hit"}}},
		conformance{name: "Location of this origin", steps: []step{{do: "GET /b", give: hour}, {do: "POST /", give: "Location: http://origin.example/b"}, {do: "GET /b", want: "origin"}}},
		conformance{name: "Location that is no address", steps: []step{{give: hour}, {do: "POST /x", give: "Location: http://[::"}, {want: "hit"}}},
		conformance{name: "all variants", steps: []step{{ask: "Foo: 1", give: hour + " | Vary: Foo"}, {ask: "Foo: 2", give: hour + " | Vary: Foo"}, {do: "POST /"}, {ask: "Foo: 1", want: "origin"}, {ask: "Foo: 2", want: "origin"}}},
		conformance{name: "OPTIONS changes nothing", steps: []step{{give: hour}, {do: "OPTIONS /"}, {want: "hit"}}},
		conformance{name: "an answer to POST is not kept", steps: []step{{do: "POST /", give: hour}, {want: "origin"}}},
		conformance{name: "an answer to POST that stands for the resource is kept", steps: []step{{do: "POST /", give: hour + " | Content-Location: /"}, {want: "hit", is: "answer 1"}, {do: "HEAD /", want: "hit"}}},
		conformance{name: "the same by its whole address", steps: []step{{do: "POST /a?b", give: hour + " | Content-Location: http://origin.example/a?b"}, {do: "GET /a?b", want: "hit"}}},
		conformance{name: "it takes the place of what was kept", steps: []step{{give: hour}, {do: "POST /", give: hour + " | Content-Location: /"}, {want: "hit", is: "answer 2"}}},
		conformance{name: "an answer to POST of another resource is not kept", steps: []step{{do: "POST /", give: hour + " | Content-Location: /b"}, {want: "origin"}, {do: "GET /b", want: "origin"}}},
		conformance{name: "an answer to POST without a lifetime is not kept", steps: []step{{do: "POST /", give: "Last-Modified: @-86400 | Content-Location: /"}, {want: "origin"}}},
		conformance{name: "a private answer to POST is not kept", steps: []step{{do: "POST /", give: "Cache-Control: private, max-age=60 | Content-Location: /"}, {want: "origin"}}},
		conformance{name: "an answer to POST with a condition is not kept", steps: []step{{do: "POST /", ask: `If-None-Match: "a"`, give: hour + ` | ETag: "a" | Content-Location: /`, is: "answer 1"}, {want: "origin"}}},
		conformance{name: "an answer to PUT is not kept", steps: []step{{do: "PUT /", give: hour + " | Content-Location: /"}, {want: "origin"}}},
		conformance{name: "a POST is never answered from a copy", steps: []step{{do: "POST /", give: hour + " | Content-Location: /"}, {do: "POST /", give: hour + " | Content-Location: /", want: "origin"}, {want: "hit", is: "answer 2"}}},
		conformance{name: "HEAD is answered from GET", steps: []step{{give: hour, body: "12345"}, {do: "HEAD /", want: "hit", has: "Content-Length: 5"}}},
		conformance{name: "HEAD of a stale copy goes on", steps: []step{{give: "Cache-Control: max-age=2"}, {after: 3, do: "HEAD /", want: "origin"}}},
		conformance{name: "HEAD renews GET", steps: []step{{give: "Cache-Control: max-age=2 | A: 1"}, {after: 3, do: "HEAD /", give: hour + " | A: 2"}, {want: "hit", is: "answer 1", has: "A: 2"}}},
		conformance{name: "HEAD of another version drops GET", steps: []step{{give: `Cache-Control: max-age=2 | ETag: "a"`}, {after: 3, do: "HEAD /", give: hour + ` | ETag: "b"`}, {want: "origin", is: "answer 3"}}},
		conformance{name: "HEAD of another length drops GET", steps: []step{{give: "Cache-Control: max-age=2", body: "12345"}, {after: 3, do: "HEAD /", give: hour + " | Content-Length: 9"}, {want: "origin"}}},
		conformance{name: "HEAD does not make a copy", steps: []step{{do: "HEAD /", give: hour}, {want: "origin"}}},
	)
	return group("writes", rows...)
}

func rangeRows() []conformance {
	part := func(name, ask string, status int, is, span string) conformance {
		has := ""
		if span != "" {
			has = "Content-Range: " + span
		}
		return conformance{name: name, steps: []step{{give: `Cache-Control: max-age=60 | ETag: "a" | Last-Modified: @-9000`, body: "0123456789"}, {after: 3, ask: ask, want: "hit", status: status, is: is, has: has}}}
	}
	return group("ranges",
		part("first bytes", "Range: bytes=0-1", 206, "01", "bytes 0-1/10"),
		part("from a place on", "Range: bytes=7-", 206, "789", "bytes 7-9/10"),
		part("last bytes", "Range: bytes=-3", 206, "789", "bytes 7-9/10"),
		part("more last bytes than there are", "Range: bytes=-30", 206, "0123456789", "bytes 0-9/10"),
		part("beyond the end", "Range: bytes=8-99", 206, "89", "bytes 8-9/10"),
		part("outside", "Range: bytes=10-", 416, "", "bytes */10"),
		part("none of the last bytes", "Range: bytes=-0", 416, "", "bytes */10"),
		part("several parts are not cut", "Range: bytes=0-1,4-5", 200, "0123456789", ""),
		part("another unit", "Range: lines=0-1", 200, "0123456789", ""),
		part("backwards", "Range: bytes=5-1", 200, "0123456789", ""),
		part("nonsense", "Range: bytes=a-b", 200, "0123456789", ""),
		part("a number beyond all", "Range: bytes=0-99999999999999999999", 206, "0123456789", "bytes 0-9/10"),
		part("If-Range with the tag", `Range: bytes=0-1 | If-Range: "a"`, 206, "01", ""),
		part("If-Range with another tag", `Range: bytes=0-1 | If-Range: "b"`, 200, "0123456789", ""),
		part("If-Range with a weak tag", `Range: bytes=0-1 | If-Range: W/"a"`, 200, "0123456789", ""),
		part("If-Range with another date", "Range: bytes=0-1 | If-Range: @-99", 200, "0123456789", ""),
		part("the condition goes first", `Range: bytes=0-1 | If-None-Match: "a"`, 304, "", ""),
		conformance{name: "a part is not kept as the whole", steps: []step{{ask: "Range: bytes=0-1", give: "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-1/10", body: "01", status: 206}, {want: "origin"}}},
		kept("a part is kept", "", "", step{ask: "Range: bytes=2-4", want: "hit", status: 206, is: "234", has: "Content-Range: bytes 2-4/10 | Content-Length: 3"}),
		kept("what lies within it", "", "", step{ask: "Range: bytes=3-3", want: "hit", status: 206, is: "3", has: "Content-Range: bytes 3-3/10"}),
		kept("what does not", "", "", step{ask: "Range: bytes=3-5", want: "origin"}),
		kept("from a place in it on", "", "", step{ask: "Range: bytes=3-", want: "origin"}),
		kept("outside of the whole", "", "", step{ask: "Range: bytes=10-", want: "origin"}),
		kept("all of it", "", "", step{want: "origin"}),
		kept("a condition", "", "", step{ask: `Range: bytes=2-4 | If-None-Match: "a"`, want: "origin"}),
		kept("If-Range with the tag of a part", "", ` | ETag: "a"`, step{ask: `Range: bytes=2-4 | If-Range: "a"`, want: "hit", status: 206, is: "234"}),
		kept("If-Range with another tag than that of a part", "", ` | ETag: "a"`, step{ask: `Range: bytes=2-4 | If-Range: "b"`, want: "origin"}),
		kept("no longer fresh", "", "", step{after: 61, ask: "Range: bytes=2-4", want: "origin"}),
		kept("several parts", "", "", step{ask: "Range: bytes=2-3,4-4", want: "origin"}),
		kept("for another variant", "X: 1", " | Vary: X", step{ask: "Range: bytes=2-4 | X: 2", want: "origin"}),
		kept("for the same variant", "X: 1", " | Vary: X", step{ask: "Range: bytes=2-4 | X: 1", want: "hit", status: 206}),
		kept("not for one user", "", ", private", step{ask: "Range: bytes=2-4", want: "origin"}),
		kept("not with Authorization", "Authorization: x", "", step{ask: "Range: bytes=2-4", want: "origin"}),
		kept("until a write", "", "", step{do: "POST /"}, step{ask: "Range: bytes=2-4", want: "origin"}),
		kept("until the whole is known", "", "", step{give: "Cache-Control: max-age=1"}, step{after: 3, ask: "Range: bytes=2-4", want: "origin"}),
		kept("its end is added", "", ` | ETag: "a"`, joined("5-9", "56789", `"a"`), step{ask: "Range: bytes=3-8", want: "hit", status: 206, is: "345678"}),
		kept("its beginning is added", "", ` | ETag: "a"`, joined("0-3", "0123", `"a"`), step{ask: "Range: bytes=0-4", want: "hit", status: 206, is: "01234"}),
		kept("not of another body", "", ` | ETag: "a"`, joined("5-9", "56789", `"b"`), step{ask: "Range: bytes=2-4", want: "origin"}),
		kept("not by a weak tag", "", ` | ETag: W/"a"`, joined("5-9", "56789", `W/"a"`), step{ask: "Range: bytes=2-9", want: "origin"}),
		kept("not with a gap", "", ` | ETag: "a"`, joined("6-9", "6789", `"a"`), step{ask: "Range: bytes=2-9", want: "origin"}),
		kept("the whole comes together", "", ` | ETag: "a"`, joined("5-9", "56789", `"a"`), joined("0-1", "01", `"a"`), step{want: "hit", is: "0123456789", has: "Content-Length: 10", lacks: "Content-Range"}, step{ask: "Range: bytes=1-2", want: "hit", status: 206, is: "12"}),
		conformance{name: "a part that is not as long as it says is not kept", steps: []step{{ask: "Range: bytes=0-4", give: "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-4/10", body: "0123", status: 206}, {ask: "Range: bytes=0-1", want: "origin"}}},
		conformance{name: "a part of what is of unknown length is not kept", steps: []step{{ask: "Range: bytes=0-1", give: "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-1/*", body: "01", status: 206}, {ask: "Range: bytes=0-1", want: "origin"}}},
		conformance{name: "a part without a lifetime is not kept", steps: []step{{ask: "Range: bytes=0-1", give: "206 | Last-Modified: @-86400 | Content-Range: bytes 0-1/10", body: "01", status: 206}, {ask: "Range: bytes=0-1", want: "origin"}}},
		conformance{name: "a part that nobody asked for is not kept", steps: []step{{give: "206 | Cache-Control: max-age=60 | Content-Range: bytes 0-1/10", body: "01", status: 206}, {ask: "Range: bytes=0-1", want: "origin"}}},
		conformance{name: "validated and cut", steps: []step{{give: `Cache-Control: max-age=1 | ETag: "a"`, body: "0123456789"}, {after: 3, ask: "Range: bytes=0-1", give: `ETag: "a"`, want: "tag", status: 206, is: "01"}}},
		conformance{name: "replaced and cut", steps: []step{{give: `Cache-Control: max-age=1 | ETag: "a"`, body: "0123456789"}, {after: 3, ask: "Range: bytes=0-1", give: `Cache-Control: max-age=60 | ETag: "b"`, body: "abcdef", want: "origin", status: 206, is: "ab"}, {want: "hit", is: "abcdef"}}},
		conformance{name: "an answer that is not 200 is not cut", steps: []step{{give: "404 | Cache-Control: max-age=60", body: "0123456789", status: 404}, {ask: "Range: bytes=0-1", want: "hit", status: 404, is: "0123456789"}}},
	)
}

func targetedRows() []conformance {
	return group("targeted",
		reused("CDN-Cache-Control", "CDN-Cache-Control: max-age=3600"),
		reused("the greatest number", "CDN-Cache-Control: max-age=99999999999"),
		asked("Age beyond it", "CDN-Cache-Control: max-age=3600 | Age: 7200"),
		asked("max-age 0", "CDN-Cache-Control: max-age=0"),
		reused("an unknown directive beside it", "CDN-Cache-Control: foobar, max-age=3600"),
		reused("a past Expires", "CDN-Cache-Control: max-age=3600 | Expires: @-10000"),
		reused("a broken Expires", "CDN-Cache-Control: max-age=3600 | Expires: 0"),
		asked("max-age 0 before a future Expires", "CDN-Cache-Control: max-age=0 | Expires: @10000"),
		reused("long before short Cache-Control", "CDN-Cache-Control: max-age=3600 | Cache-Control: max-age=1"),
		asked("short before long Cache-Control", "CDN-Cache-Control: max-age=1 | Cache-Control: max-age=3600"),
		asked("private", "CDN-Cache-Control: private | Cache-Control: max-age=3600"),
		asked("no-cache", "CDN-Cache-Control: no-cache | Cache-Control: max-age=3600"),
		asked("no-store", "CDN-Cache-Control: no-store | Cache-Control: max-age=3600"),
		reused("fresh before no-store", "CDN-Cache-Control: max-age=3600 | Cache-Control: no-store"),
		asked("void for an unknown type", "CDN-Cache-Control: max-age=3600, &&&&& | Cache-Control: no-store"),
		asked("void for a string", `CDN-Cache-Control: max-age="3600" | Cache-Control: no-store`),
		asked("void for a capital", "CDN-Cache-Control: MaX-aGe=3600 | Cache-Control: no-store"),
		asked("void for a blank before the sign", "CDN-Cache-Control: max-age =100 | Cache-Control: max-age=1"),
		asked("void for a comma at the end", "CDN-Cache-Control: max-age=100, | Cache-Control: max-age=1"),
		reused("with parameters", "CDN-Cache-Control: max-age=3600;x=1;y | Cache-Control: no-store"),
		conformance{name: "is passed on", steps: []step{{give: "CDN-Cache-Control: max-age=60", has: "CDN-Cache-Control: max-age=60"}, {want: "hit", has: "CDN-Cache-Control: max-age=60"}}},
	)
}

func sharedRows() []conformance {
	login := func(name, give, want string) conformance {
		return conformance{name: name, steps: []step{{ask: "Authorization: x", give: give}, {after: 3, want: want}}}
	}
	return group("shared",
		login("Authorization", "Expires: @3600", "origin"),
		login("Authorization with max-age", "Cache-Control: max-age=3600", "origin"),
		login("Authorization and public", "Cache-Control: max-age=3600, public", "hit"),
		login("Authorization and must-revalidate", "Cache-Control: max-age=3600, must-revalidate", "hit"),
		login("Authorization and s-maxage", "Cache-Control: s-maxage=3600", "hit"),
		conformance{name: "Authorization may be given a public copy", steps: []step{{give: "Cache-Control: max-age=60"}, {ask: "Authorization: x", want: "hit"}}},
		conformance{name: "Set-Cookie with a lifetime", steps: []step{{give: "Cache-Control: max-age=60 | Set-Cookie: a=b"}, {want: "hit", has: "Set-Cookie: a=b"}}},
		asked("Set-Cookie without one", "Set-Cookie: a=b | Last-Modified: @-86400"),
		conformance{name: "Cookie does not matter", steps: []step{{give: "Cache-Control: max-age=60"}, {ask: "Cookie: a=b", want: "hit"}}},
		reused("Content-Disposition does not matter", "Cache-Control: max-age=60 | Content-Disposition: attachment"),
	)
}

// kept is a row whose origin first gave bytes 2 to 4 of ten, asked for with those
// fields beside Range; more goes behind its Cache-Control.
func kept(name, ask, more string, then ...step) conformance {
	if ask != "" {
		ask = " | " + ask
	}
	first := step{ask: "Range: bytes=2-4" + ask, give: "206 | Content-Range: bytes 2-4/10 | Cache-Control: max-age=60" + more, body: "234", status: 206, is: "234"}
	return conformance{name: name, steps: append([]step{first}, then...)}
}

// joined is a step in which the origin gives one more part.
func joined(place, body, tag string) step {
	return step{ask: "Range: bytes=" + place, give: "206 | Cache-Control: max-age=60 | Content-Range: bytes " + place + "/10 | ETag: " + tag, body: body, status: 206, want: "origin", is: body}
}
