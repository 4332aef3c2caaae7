module rollcall/test/clients/daily

go 1.21
