module github.com/vendgate/vendgate/sdk/go

go 1.22
