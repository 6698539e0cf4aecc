// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.19;

interface IToken {
    function balanceOf(address owner) external view returns (uint256);
    function transfer(address to, uint256 amount) external returns (bool);
}

/// @notice An account that monitors watch and top up. Told to, it gives all of it back, and is due again.
contract Spender {
    IToken public immutable token;

    constructor(IToken token_) {
        token = token_;
    }

    /// @dev Monitors send with 2,300 gas.
    receive() external payable {}

    function spend(address payable giver) external {
        token.transfer(giver, token.balanceOf(address(this)));
        (bool sent,) = giver.call{value: address(this).balance}("");
        // A monitor of tokens takes no coin, and there is none.
        require(sent || address(this).balance == 0, "not taken");
    }

    /// @notice What a monitor of LINK asks for.
    function linkAvailableForPayment() external view returns (int256) {
        return int256(token.balanceOf(address(this)));
    }
}
