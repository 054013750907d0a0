"""dataserver"""
