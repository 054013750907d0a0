"""The dataserver: immutable files by unique id, over HTTP.

`store` keeps them on disk, `permits` asks the database who may, `server` answers, `client` asks,
`collector` clears what nobody linked, `fsck` compares disk and database. Nothing is imported here.
"""
