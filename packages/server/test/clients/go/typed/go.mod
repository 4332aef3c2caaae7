module rollcall/test/clients/typed

go 1.21
