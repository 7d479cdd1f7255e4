// The number of the build that is simulated: `+build=N`, else 0.
module build_number (
    output reg [31:0] number
);
    initial if (!$value$plusargs("build=%d", number)) number = 0;
endmodule
