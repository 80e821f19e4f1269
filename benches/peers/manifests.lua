-- wrk: GET of one manifest, or PUT of a new one each time, each under a tag of its own.
local method, path = os.getenv("METHOD"), os.getenv("MANIFEST_PATH")
local template = (os.getenv("BODY") or ""):gsub("..", function(hex) return string.char(tonumber(hex, 16)) end)
local count, run = 0, os.time() % 100000

wrk.headers["Accept"] = os.getenv("ACCEPT")
wrk.headers["Authorization"] = os.getenv("AUTHORIZATION")
wrk.headers["Content-Type"] = os.getenv("CONTENT_TYPE")

function request()
    if method == "GET" then return wrk.format("GET", path) end
    count = count + 1
    -- Of the same length, so that a canonical encoding stays one.
    local number = string.format("%05d%05d", run, count % 100000)
    return wrk.format("PUT", path .. "t" .. number, nil, (template:gsub("0000000000", number, 1)))
end
