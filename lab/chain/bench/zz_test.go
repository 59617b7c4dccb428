package main
import "testing"
func BenchmarkOn(b *testing.B){ s,_,err:=ours(); if err!=nil{b.Fatal(err)}; for _,x:=range s { if x.name=="chain, all on, cache hit" { x.loop(b) } } }
func BenchmarkMiss(b *testing.B){ s,_,err:=ours(); if err!=nil{b.Fatal(err)}; for _,x:=range s { if x.name=="chain, all on but the cache" { x.loop(b) } } }
