module rollcall/test/clients/generated

go 1.24
