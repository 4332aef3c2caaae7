module rollcall/test/clients/analytics

go 1.21
